package dev.iothreads.qmp;

import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

import dev.iothreads.qmp.MonitorAddress.TcpAddress;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class MonitorAddressTests {

	@ParameterizedTest
	@ValueSource(strings = { "unix:/run/vm.sock", "unix:/run/a b/vm,1.sock", "tcp:127.0.0.1:4444", "tcp:[::1]:4444",
			"tcp:[fe80::1%eth0]:65535", "tcp:[::ffff:10.0.0.1]:1", "tcp:vm-host_1.example.org:1" })
	void aCanonicalTextIsReadAndWrittenUnchanged(String text) {
		assertThat(MonitorAddress.parse(text)).hasToString(text);
	}

	@ParameterizedTest
	@CsvSource({ "unix:/run//vm.sock, unix:/run/vm.sock", "tcp:127.0.0.1:04444, tcp:127.0.0.1:4444" })
	void whatIsNotCanonicalBecomesSo(String text, String canonical) {
		assertThat(MonitorAddress.parse(text)).hasToString(canonical).isEqualTo(MonitorAddress.parse(canonical));
	}

	@Test
	void theKindOfSocketIsTheKindOfAddress() {
		assertThat(MonitorAddress.parse("unix:/run/vm.sock")).isEqualTo(new UnixAddress(Path.of("/run/vm.sock")));
		assertThat(MonitorAddress.parse("tcp:[::1]:4444")).isEqualTo(new TcpAddress("::1", 4444));
	}

	@Test
	void theSocketAddressIsTheJdks() {
		assertThat(MonitorAddress.parse("unix:/run/vm.sock").socketAddress())
			.isEqualTo(UnixDomainSocketAddress.of("/run/vm.sock"));
		assertThat(MonitorAddress.parse("tcp:127.0.0.1:4444").socketAddress())
			.isEqualTo(new InetSocketAddress("127.0.0.1", 4444));
		assertThat(MonitorAddress.parse("tcp:[::1]:4444").socketAddress())
			.isEqualTo(new InetSocketAddress("::1", 4444));
	}

	@Test
	void aHostIsResolvedOnlyWhenTheSocketAddressIsAskedFor() {
		MonitorAddress address = MonitorAddress.parse("tcp:no-such-host.invalid:4444");
		assertThat(((InetSocketAddress) address.socketAddress()).isUnresolved()).isTrue();
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', quoteCharacter = '"',
			textBlock = """
					/run/vm.sock                       | does not say what kind of socket it is: write unix:/run/vm.sock
					vm.sock                            | is no monitor's address: write unix:/run/vm.sock, tcp:127.0.0.1:4444 or tcp:[::1]:4444
					""                                 | is no monitor's address: write unix:/run/vm.sock
					vsock:3:4444                       | is no monitor's address: write unix:/run/vm.sock
					UNIX:/run/vm.sock                  | is no monitor's address: write unix:/run/vm.sock
					unix:                              | lacks the path: write unix:/run/vm.sock
					unix:run/vm.sock                   | is a relative path: write the socket's whole path, as in unix:/run/vm.sock
					unix:@abstract                     | is a relative path
					unix:/run/vm.sock,server=on,wait=off | carries options of QEMU's side: write unix:/run/vm.sock
					unix:/run/vm.sock,wait=off         | carries options of QEMU's side: write unix:/run/vm.sock
					tcp:127.0.0.1:4444,server=on       | carries options of QEMU's side: write tcp:127.0.0.1:4444
					tcp:127.0.0.1                      | lacks the port: write tcp:127.0.0.1:4444
					tcp:                               | lacks the port: write tcp:127.0.0.1:4444
					tcp:[::1]                          | has too many colons: write an IPv6 address in brackets, as in tcp:[::1]:4444
					tcp:127.0.0.1:                     | lacks the port: write tcp:127.0.0.1:4444
					tcp::4444                          | lacks the host: write the one to connect to, as in tcp:127.0.0.1:4444
					tcp:[]:4444                        | has no IPv6 address in its brackets
					tcp:[127.0.0.1]:4444               | has no IPv6 address in its brackets
					tcp:::1:4444                       | has too many colons: write an IPv6 address in brackets, as in tcp:[::1]:4444
					tcp://127.0.0.1:4444               | is written like a URL: write tcp:127.0.0.1:4444
					tcp:127.0.0.1:0                    | 0 is no port: write one from 1 to 65535
					tcp:127.0.0.1:65536                | 65536 is no port: write one from 1 to 65535
					tcp:127.0.0.1:-1                   | '-1' is no port: write one from 1 to 65535
					tcp:127.0.0.1:qmp                  | 'qmp' is no port: write one from 1 to 65535
					tcp:127.0.0.1:99999999999          | '99999999999' is no port
					tcp:[::g]:4444                     | '::g' is neither a host name nor an address
					tcp:[1::2::3]:4444                 | '1::2::3' is neither a host name nor an address
					tcp:vm host:4444                   | 'vm host' is neither a host name nor an address
					""")
	void whatIsNoAddressIsRefusedWithTheRightForm(String text, String problem) {
		assertThatIllegalArgumentException().isThrownBy(() -> MonitorAddress.parse(text))
			.withMessageContaining(problem);
	}

	@Test
	void aPathWithAZeroByteIsRefused() {
		assertThatIllegalArgumentException().isThrownBy(() -> MonitorAddress.parse("unix:/run/\0.sock"))
			.withMessageContaining("holds no valid path")
			.withMessageContaining("unix:/run/vm.sock");
	}

	@Test
	void aPathHasAtMost107Bytes() {
		String longest = "/run/" + "x".repeat(102);
		assertThat(MonitorAddress.parse("unix:" + longest)).hasToString("unix:" + longest);
		assertThatIllegalArgumentException().isThrownBy(() -> MonitorAddress.parse("unix:" + longest + "x"))
			.withMessageContaining("has 108 bytes, but a Unix socket's path has at most 107");
	}

}
