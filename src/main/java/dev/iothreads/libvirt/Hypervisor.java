package dev.iothreads.libvirt;

import java.time.Duration;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

import dev.iothreads.libvirt.rpc.Procedure;
import dev.iothreads.libvirt.rpc.RpcCall;
import dev.iothreads.libvirt.rpc.RpcConnection;
import dev.iothreads.libvirt.rpc.XdrReader;
import dev.iothreads.libvirt.rpc.XdrWriter;
import org.jspecify.annotations.Nullable;

/**
 * The calls of one libvirt daemon, over two connections: calls that may have to wait for
 * a QEMU must not keep those that never do from being sent. Futures fail with an
 * {@link dev.iothreads.libvirt.rpc.RpcException}.
 *
 * @param prompt carries what libvirt answers by itself, and the events
 * @param slow carries what libvirt has to ask a QEMU for
 * @param version libvirt's version, 9000000 for 9.0.0
 * @param qemuVersion the version of the QEMU that libvirt starts unless a domain names
 * another one, such as {@code 7.2.22}
 */
record Hypervisor(RpcConnection prompt, RpcConnection slow, long version, String qemuVersion) {

	/** Of changes: of the running domain only. */
	static final int LIVE = 1;

	/** Of changes: of the definition that the next start uses. */
	static final int CONFIG = 2;

	static final int LIFECYCLE = 0;

	static final int DEVICE_REMOVED = 15;

	static final int DEVICE_ADDED = 19;

	static final int DEVICE_REMOVAL_FAILED = 22;

	/** The first version that takes a disk on several IOThreads. */
	static final long MAPPING = 10_000_000;

	private static final int ACTIVE = 1;

	private static final int PERSISTENT = 4;

	private static final int STATS_BLOCK = 1 << 5;

	private static final int STATS_IOTHREAD = 1 << 7;

	// Leaves out what is busy instead of waiting for it.
	private static final int NOWAIT = 1 << 29;

	private static final int INT = 1;

	private static final int UNSIGNED = 2;

	private static final int UNSIGNED_HYPER = 4;

	static CompletableFuture<Hypervisor> of(RpcConnection prompt, RpcConnection slow) {
		return prompt.call(RpcCall.of(Procedure.CONNECT_GET_LIB_VERSION, NOTHING))
			.thenCombine(slow.call(RpcCall.of(Procedure.CONNECT_GET_VERSION, NOTHING)),
					(libvirt, qemu) -> new Hypervisor(prompt, slow, libvirt.hyper(), dotted(qemu.hyper())));
	}

	private static final Consumer<XdrWriter> NOTHING = (none) -> {
	};

	private static String dotted(long version) {
		return "%d.%d.%d".formatted(version / 1_000_000, version / 1000 % 1000, version % 1000);
	}

	CompletableFuture<List<Domain>> running() {
		return this.prompt
			.call(RpcCall.of(Procedure.CONNECT_LIST_ALL_DOMAINS, (arguments) -> arguments.number(1).number(ACTIVE)))
			.thenApply((answer) -> answer.array(Domain::read));
	}

	CompletableFuture<Boolean> isPersistent(Domain domain) {
		return this.prompt
			.call(RpcCall.of(Procedure.CONNECT_LIST_ALL_DOMAINS,
					(arguments) -> arguments.number(1).number(ACTIVE | PERSISTENT)))
			.thenApply((answer) -> answer.array(Domain::read)
				.stream()
				.anyMatch((each) -> each.uuid().equals(domain.uuid())));
	}

	/**
	 * Asks which faults libvirt has noted of a domain, from 7.1 on.
	 */
	CompletableFuture<List<String>> messages(Domain domain) {
		return promptly(Procedure.DOMAIN_GET_MESSAGES, domain, 0)
			.thenApply((answer) -> answer.array(XdrReader::string));
	}

	/**
	 * Asks for the state of a domain and why it is in it.
	 */
	CompletableFuture<State> state(Domain domain) {
		return promptly(Procedure.DOMAIN_GET_STATE, domain, 0)
			.thenApply((answer) -> new State(answer.number(), answer.number()));
	}

	/**
	 * Asks whether the domain's monitor is in use.
	 */
	CompletableFuture<Control> control(Domain domain) {
		return promptly(Procedure.DOMAIN_GET_CONTROL_INFO, domain, 0).thenApply((answer) -> {
			int state = answer.number();
			answer.number();
			return new Control(state, Duration.ofMillis(answer.hyper()));
		});
	}

	/**
	 * Asks for a domain's XML.
	 * @param flags {@code 0} as it runs, {@link #CONFIG} as it is defined
	 */
	CompletableFuture<String> xml(Domain domain, int flags) {
		return promptly(Procedure.DOMAIN_GET_XML_DESC, domain, flags).thenApply(XdrReader::string);
	}

	private CompletableFuture<XdrReader> promptly(Procedure procedure, Domain domain, int flags) {
		return this.prompt.call(RpcCall.of(procedure, (arguments) -> domain.write(arguments).number(flags)));
	}

	CompletableFuture<?> register(int event) {
		return this.prompt.call(RpcCall.of(Procedure.CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
				(arguments) -> arguments.number(event).number(0)));
	}

	CompletableFuture<?> registerMonitorEvents() {
		return this.prompt.call(RpcCall.of(Procedure.QEMU_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER,
				(arguments) -> arguments.number(0).number(0).number(0)));
	}

	/**
	 * Asks for the IOThreads and the CPUs that each may run on.
	 */
	CompletableFuture<Map<Long, BitSet>> iothreads(Domain domain, int flags) {
		return slowly(Procedure.DOMAIN_GET_IOTHREAD_INFO, domain, (arguments) -> arguments.number(flags))
			.thenApply((answer) -> {
				Map<Long, BitSet> iothreads = new TreeMap<>();
				answer.array(
						(each) -> iothreads.put(Integer.toUnsignedLong(each.number()), BitSet.valueOf(each.opaque())));
				return iothreads;
			});
	}

	/**
	 * Asks for the statistics of a domain.
	 * @return numbers by libvirt's names, texts left out; empty when it is busy
	 */
	CompletableFuture<Statistics> statistics(Domain domain, boolean block) {
		RpcCall call = RpcCall.of(Procedure.CONNECT_GET_ALL_DOMAIN_STATS, domain.uuid(),
				(arguments) -> domain.write(arguments.number(1))
					.number(STATS_IOTHREAD | (block ? STATS_BLOCK : 0))
					.number(NOWAIT));
		return this.slow.call(call).thenApply((answer) -> {
			Statistics statistics = new Statistics(new HashMap<>(), new HashMap<>());
			answer.array((each) -> Domain.read(each).name() + each.array((parameter) -> read(parameter, statistics)));
			return statistics;
		});
	}

	private static String read(XdrReader in, Statistics statistics) {
		String name = in.string();
		int type = in.number();
		switch (type) {
			case INT, 6 -> statistics.numbers().put(name, (long) in.number());
			case UNSIGNED -> statistics.numbers().put(name, Integer.toUnsignedLong(in.number()));
			case 3, UNSIGNED_HYPER -> statistics.numbers().put(name, in.hyper());
			case 5 -> in.real();
			default -> statistics.texts().put(name, in.string());
		}
		return name;
	}

	CompletableFuture<?> addIOThread(Domain domain, int id, int flags) {
		return slowly(Procedure.DOMAIN_ADD_IOTHREAD, domain, (arguments) -> arguments.number(id).number(flags));
	}

	CompletableFuture<?> deleteIOThread(Domain domain, int id, int flags) {
		return slowly(Procedure.DOMAIN_DEL_IOTHREAD, domain, (arguments) -> arguments.number(id).number(flags));
	}

	CompletableFuture<?> pinIOThread(Domain domain, int id, BitSet cpus, int flags) {
		return slowly(Procedure.DOMAIN_PIN_IOTHREAD, domain,
				(arguments) -> arguments.number(id).opaque(cpus.toByteArray()).number(flags));
	}

	/**
	 * Sets parameters of an IOThread.
	 * @param parameters by libvirt's names. libvirt wants each as the very type that it
	 * has for it
	 */
	CompletableFuture<?> tuneIOThread(Domain domain, int id, Map<String, Long> parameters, int flags) {
		return slowly(Procedure.DOMAIN_SET_IOTHREAD_PARAMS, domain, (arguments) -> {
			arguments.number(id).number(parameters.size());
			parameters.forEach((name, value) -> write(arguments, name, value));
			arguments.number(flags);
		});
	}

	private static void write(XdrWriter arguments, String name, long value) {
		arguments.string(name);
		switch (name) {
			case "poll_max_ns" -> arguments.number(UNSIGNED_HYPER).hyper(value);
			case "poll_grow", "poll_shrink" -> arguments.number(UNSIGNED).number((int) value);
			default -> arguments.number(INT).number((int) value);
		}
	}

	CompletableFuture<?> attach(Domain domain, String xml, int flags) {
		return slowly(Procedure.DOMAIN_ATTACH_DEVICE_FLAGS, domain, (arguments) -> arguments.string(xml).number(flags));
	}

	/**
	 * Removes a disk from the definition of a domain.
	 * @param target its target, which libvirt finds it by
	 */
	CompletableFuture<?> undefine(Domain domain, String target) {
		String xml = "<disk type='file' device='disk'><target dev='%s'/></disk>".formatted(target);
		return slowly(Procedure.DOMAIN_DETACH_DEVICE_FLAGS, domain,
				(arguments) -> arguments.string(xml).number(CONFIG));
	}

	CompletableFuture<?> detach(Domain domain, String alias, int flags) {
		return slowly(Procedure.DOMAIN_DETACH_DEVICE_ALIAS, domain,
				(arguments) -> arguments.string(alias).number(flags));
	}

	/**
	 * Has a QMP command carried out. libvirt notes that the domain is tainted.
	 * @param command a JSON object without an id
	 * @return the reply, an error too, with an id of libvirt's
	 */
	CompletableFuture<String> monitor(Domain domain, String command, Duration timeout) {
		return this.slow
			.call(RpcCall.of(Procedure.QEMU_DOMAIN_MONITOR_COMMAND, domain.uuid(),
					(arguments) -> domain.write(arguments).string(command).number(0)), timeout)
			.thenApply(XdrReader::string);
	}

	private CompletableFuture<XdrReader> slowly(Procedure procedure, Domain domain, Consumer<XdrWriter> more) {
		return this.slow
			.call(RpcCall.of(procedure, domain.uuid(), (arguments) -> more.accept(domain.write(arguments))));
	}

	void close() {
		List.of(this.prompt, this.slow).forEach(RpcConnection::close);
	}

	/**
	 * Waits until libvirt has closed its connections, which takes 2 s at most.
	 */
	void awaitEnd() {
		CompletableFuture.allOf(this.prompt.closed(), this.slow.closed()).join();
	}

	/**
	 * A domain's state.
	 *
	 * @param state libvirt's {@code virDomainState}
	 * @param reason why, a number for each state
	 */
	record State(int state, int reason) {

		private static final int PAUSED = 3;

		private static final int IO_ERROR = 5;

		private static final int STARTING_UP = 11;

		/**
		 * Translates it into QEMU's word, where QEMU has one for it.
		 */
		@Nullable String runState() {
			return switch (this.state) {
				case 1, 2 -> "running";
				case PAUSED -> (this.reason == IO_ERROR) ? "io-error" : "paused";
				case 4, 5 -> "shutdown";
				case 6 -> "guest-panicked";
				case 7 -> "suspended";
				default -> null;
			};
		}

		boolean isStarting() {
			return this.state == PAUSED && this.reason == STARTING_UP;
		}

	}

	/**
	 * What a domain's monitor is at.
	 *
	 * @param state libvirt's {@code virDomainControlState}
	 * @param since for how long
	 */
	record Control(int state, Duration since) {

		private static final int JOB = 1;

		private static final int OCCUPIED = 2;

		private static final int ERROR = 3;

		private static final Duration HANGS = Duration.ofSeconds(1);

		boolean isBusy() {
			return (this.state == JOB && this.since.compareTo(HANGS) > 0) || isHanging();
		}

		boolean isHanging() {
			return this.state == ERROR || (this.state == OCCUPIED && this.since.compareTo(HANGS) > 0);
		}

	}

	/**
	 * Statistics of a domain by libvirt's names.
	 */
	record Statistics(Map<String, Long> numbers, Map<String, String> texts) {

		static final Statistics NONE = new Statistics(Map.of(), Map.of());

	}

}
