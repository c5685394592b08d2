package dev.iothreads.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import dev.iothreads.machine.ReadOnlyMachine;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Machines that are not to be changed.
 */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@MethodSource("machines")
class GuardTests {

	private final QemuSubject machine;

	GuardTests(QemuSubject machine) {
		this.machine = machine;
	}

	static Stream<QemuSubject> machines() {
		List<String> args = new ArrayList<>(QemuSubject.setUp("-global", QemuSubject.NATIVE_HOTPLUG));
		args.addAll(List.of("-object", "secret,id=masterKey0,data=c2VjcmV0,format=base64"));
		return QemuSubject.everyTapped(args);
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void aMachineOfLibvirtsIsReadAndNotChanged() {
		assertThat(this.machine.get("").is(200).body().path("managed-by").asString("")).isEqualTo("libvirt");
		this.machine.showsWhatIs();
		for (Answer answer : changes(this.machine.name())) {
			JsonNode problem = answer.isProblem(409, "managed-by-libvirt");
			assertThat(problem.path("detail").asString()).contains("virsh");
		}
		assertThat(this.machine.tap().changes()).isEmpty();
		assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
		assertThat(this.machine.setting("iothread0", "poll-max-ns")).isEqualTo(32768);
	}

	@Test
	void aReadOnlyMachineIsReadAndNotChanged() {
		// The tap serves one client, as QEMU does.
		Service.shared().remove(this.machine.name());
		String name = Service.newName("read-only");
		Service.shared()
			.add(name, new ReadOnlyMachine(Service.shared().connect(name, this.machine.tap().address()),
					"It is read-only."));
		try {
			Eventually.see(() -> Service.shared().send("GET", "/api/v1/machines/" + name + "/devices", null).status(),
					(status) -> status == 200);
			for (Answer answer : changes(name)) {
				answer.isProblem(403, "read-only");
			}
			assertThat(this.machine.tap().changes()).isEmpty();
			assertThat(this.machine.links()).isEqualTo(Subject.SET_UP);
		}
		finally {
			Service.shared().remove(name);
			this.machine.introduce();
		}
	}

	private static List<Answer> changes(String machine) {
		String path = "/api/v1/machines/" + machine;
		Service service = Service.shared();
		return List.of(service.send("POST", path + "/iothreads", "{\"id\": \"pool0\"}"),
				service.send("PATCH", path + "/iothreads/iothread0", "{\"poll-max-ns\": 1}"),
				service.send("DELETE", path + "/iothreads/iothread0", null),
				service.send("POST", path + "/iothreads/iothread0/devices", "{\"id\": \"hot0\", \"drive\": \"disk5\"}"),
				service.send("POST", path + "/devices", "{\"id\": \"hot0\", \"drive\": \"disk5\"}"),
				service.send("DELETE", path + "/iothreads/iothread0/devices/blk0", null),
				service.send("DELETE", path + "/devices/blk0", null));
	}

}
