package dev.iothreads.libvirt.rpc;

import java.util.UUID;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

/**
 * A call.
 *
 * @param procedure the procedure
 * @param domain the domain whose answer may be long in coming, {@code null} for a call
 * that libvirt answers without asking a QEMU
 * @param arguments the arguments as XDR
 */
public record RpcCall(Procedure procedure, @Nullable UUID domain, byte[] arguments) {

	/**
	 * Creates a call that libvirt answers without asking a QEMU.
	 * @param procedure the procedure
	 * @param arguments writes the arguments
	 * @return the call
	 */
	public static RpcCall of(Procedure procedure, Consumer<XdrWriter> arguments) {
		return of(procedure, null, arguments);
	}

	/**
	 * Creates a call that may have to wait for a domain's QEMU.
	 * @param procedure the procedure
	 * @param domain the domain, {@code null} when there is none to wait for
	 * @param arguments writes the arguments
	 * @return the call
	 */
	public static RpcCall of(Procedure procedure, @Nullable UUID domain, Consumer<XdrWriter> arguments) {
		XdrWriter writer = new XdrWriter();
		arguments.accept(writer);
		return new RpcCall(procedure, domain, writer.toBytes());
	}

}
