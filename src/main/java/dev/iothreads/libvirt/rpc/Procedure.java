package dev.iothreads.libvirt.rpc;

import java.util.Arrays;
import java.util.Optional;

/**
 * The procedures that are called and the events that are listened to, by libvirt's own
 * names and numbers.
 */
public enum Procedure {

	CONNECT_OPEN(1), CONNECT_CLOSE(2), CONNECT_GET_VERSION(4), AUTH_LIST(66), AUTH_POLKIT(70),

	CONNECT_GET_LIB_VERSION(157), CONNECT_LIST_ALL_DOMAINS(273),

	DOMAIN_GET_XML_DESC(14), DOMAIN_GET_STATE(212), DOMAIN_GET_CONTROL_INFO(229), CONNECT_GET_ALL_DOMAIN_STATS(344),

	DOMAIN_GET_IOTHREAD_INFO(351), DOMAIN_PIN_IOTHREAD(352), DOMAIN_ADD_IOTHREAD(355), DOMAIN_DEL_IOTHREAD(356),

	DOMAIN_SET_IOTHREAD_PARAMS(402), DOMAIN_GET_MESSAGES(426), DOMAIN_ATTACH_DEVICE_FLAGS(160),
	DOMAIN_DETACH_DEVICE_FLAGS(161), DOMAIN_DETACH_DEVICE_ALIAS(392),

	CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY(316),

	DOMAIN_EVENT_CALLBACK_LIFECYCLE(318), DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED(333),

	DOMAIN_EVENT_CALLBACK_DEVICE_ADDED(354), DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED(367),

	QEMU_DOMAIN_MONITOR_COMMAND(Procedure.QEMU, 1), QEMU_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER(Procedure.QEMU, 4),

	QEMU_DOMAIN_MONITOR_EVENT(Procedure.QEMU, 6);

	static final int REMOTE = 0x20008086;

	static final int QEMU = 0x20008087;

	private final int program;

	private final int number;

	Procedure(int number) {
		this(Procedure.REMOTE, number);
	}

	Procedure(int program, int number) {
		this.program = program;
		this.number = number;
	}

	int program() {
		return this.program;
	}

	int number() {
		return this.number;
	}

	static Optional<Procedure> of(int program, int number) {
		return Arrays.stream(values())
			.filter((procedure) -> procedure.program == program && procedure.number == number)
			.findFirst();
	}

}
