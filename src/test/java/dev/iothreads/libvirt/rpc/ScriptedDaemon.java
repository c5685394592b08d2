package dev.iothreads.libvirt.rpc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.function.Consumer;

/**
 * The other end of a connection, played by the test.
 */
final class ScriptedDaemon implements AutoCloseable {

	private final Path socket;

	private final ServerSocketChannel server;

	private SocketChannel channel;

	ScriptedDaemon() throws IOException {
		this.socket = Files.createTempDirectory("rpc").resolve("s");
		this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
		this.server.bind(UnixDomainSocketAddress.of(this.socket));
		this.channel = SocketChannel.open(StandardProtocolFamily.UNIX);
	}

	Path socket() {
		return this.socket;
	}

	/**
	 * Takes a connection and answers what each one begins with.
	 */
	void open() {
		accept();
		reply(next(Procedure.AUTH_LIST), (body) -> body.number(1).number(0));
		reply(next(Procedure.CONNECT_OPEN), (body) -> {
		});
	}

	void accept() {
		try {
			this.channel = this.server.accept();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	RpcFrame next() {
		try {
			return RpcFrame.read(this.channel);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	RpcFrame next(Procedure procedure) {
		RpcFrame frame = next();
		if (frame.procedure() != procedure.number() || frame.program() != procedure.program()) {
			throw new AssertionError("Not " + procedure + " but " + frame);
		}
		return frame;
	}

	void reply(RpcFrame call, Consumer<XdrWriter> body) {
		send(call.program(), call.procedure(), RpcFrame.REPLY, call.serial(), RpcFrame.OK, body);
	}

	void refuse(RpcFrame call, int code, String message) {
		send(call.program(), call.procedure(), RpcFrame.REPLY, call.serial(), RpcFrame.ERROR,
				(body) -> body.number(code).number(7).optionalString(message).number(2));
	}

	void send(int program, int procedure, int type, int serial, int status, Consumer<XdrWriter> body) {
		XdrWriter writer = new XdrWriter();
		body.accept(writer);
		write(new RpcFrame(program, procedure, type, serial, status, ByteBuffer.wrap(writer.toBytes())).encode());
	}

	void write(String hex) {
		write(ByteBuffer.wrap(HexFormat.of().parseHex(hex.replaceAll("\\s", ""))));
	}

	private void write(ByteBuffer bytes) {
		try {
			this.channel.write(bytes);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Takes the next bytes as they are.
	 */
	String read(int bytes) {
		try {
			ByteBuffer buffer = ByteBuffer.allocate(bytes);
			while (buffer.hasRemaining() && this.channel.read(buffer) >= 0) {
				// There is more to come.
			}
			return HexFormat.of().formatHex(buffer.array());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	void hangUp() {
		try {
			this.channel.close();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Override
	public void close() throws IOException {
		this.channel.close();
		this.server.close();
		Files.deleteIfExists(this.socket);
		Files.delete(this.socket.getParent());
	}

}
