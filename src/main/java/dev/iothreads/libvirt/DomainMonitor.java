package dev.iothreads.libvirt;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

import dev.iothreads.libvirt.rpc.RpcBusyException;
import dev.iothreads.libvirt.rpc.RpcTimeoutException;
import dev.iothreads.qmp.QmpClosedException;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpConnectException;
import dev.iothreads.qmp.QmpEvent;
import dev.iothreads.qmp.QmpException;
import dev.iothreads.qmp.QmpGreeting;
import dev.iothreads.qmp.QmpInterruptedException;
import dev.iothreads.qmp.QmpListeners;
import dev.iothreads.qmp.QmpMonitor;
import dev.iothreads.qmp.QmpNotSentException;
import dev.iothreads.qmp.QmpState;
import dev.iothreads.qmp.QmpTimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The monitor of a domain's QEMU, by commands that libvirt passes on. Before each batch
 * libvirt is asked whether that monitor is free, because a command to a QEMU that hangs
 * holds one of libvirt's workers until it goes on. A command that is late ends the
 * monitor.
 */
final class DomainMonitor implements QmpMonitor {

	private static final JsonMapper JSON = JsonMapper.shared();

	private static final String VERSION = "{\"execute\":\"query-version\"}";

	private final @Nullable Hypervisor libvirt;

	private final Domain domain;

	private final Duration timeout;

	private final QmpListeners listeners;

	private final CompletableFuture<QmpGreeting> ready = new CompletableFuture<>();

	private final CompletableFuture<QmpException> closed = new CompletableFuture<>();

	private final Map<CompletableFuture<JsonNode>, QmpCommand> pending = new ConcurrentHashMap<>();

	private volatile QmpState state = QmpState.GREETING;

	private DomainMonitor(@Nullable Hypervisor libvirt, Domain domain, Duration timeout) {
		this.libvirt = libvirt;
		this.domain = domain;
		this.listeners = new QmpListeners(domain.name());
		this.timeout = timeout;
	}

	/**
	 * Begins to ask a domain's QEMU.
	 */
	static DomainMonitor open(Hypervisor libvirt, Domain domain, Duration timeout, Consumer<QmpEvent> listener) {
		DomainMonitor monitor = new DomainMonitor(libvirt, domain, timeout);
		monitor.listeners.add(listener);
		monitor.whenFree()
			.thenCompose((free) -> libvirt.monitor(domain, VERSION, timeout))
			.whenComplete((reply, failure) -> {
				JsonNode version = (reply != null) ? parse(reply).path("return") : JSON.missingNode();
				if (version.path("qemu").isObject()) {
					JsonNode qemu = version.path("qemu");
					monitor.state = QmpState.READY;
					monitor.ready.complete(new QmpGreeting(qemu.path("major").asInt(), qemu.path("minor").asInt(),
							qemu.path("micro").asInt(), version.path("package").asString("")));
				}
				else {
					monitor.end(new QmpConnectException(QmpConnectException.Reason.NOT_GREETED,
							(failure != null) ? String.valueOf(Failures.unwrap(failure).getMessage())
									: "its QEMU does not say its version",
							failure));
				}
			});
		return monitor;
	}

	/**
	 * Makes a monitor that has ended before it began.
	 */
	static DomainMonitor unreachable(Domain domain, String reason) {
		DomainMonitor monitor = new DomainMonitor(null, domain, Duration.ZERO);
		monitor.end(new QmpConnectException(QmpConnectException.Reason.NOT_CONNECTED, reason, null));
		return monitor;
	}

	// Without a daemon it is closed, and nothing is sent.
	private Hypervisor libvirt() {
		return Objects.requireNonNull(this.libvirt);
	}

	private CompletableFuture<?> whenFree() {
		return libvirt().control(this.domain).thenAccept((control) -> {
			if (control.isHanging()) {
				throw new IllegalStateException(
						"its QEMU has not answered libvirt for %d ms: it is stopped, or its main loop is blocked"
							.formatted(control.since().toMillis()));
			}
		});
	}

	@Override
	public CompletableFuture<QmpGreeting> ready() {
		return this.ready.copy();
	}

	@Override
	public QmpState state() {
		return this.state;
	}

	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command) {
		return execute(command, this.timeout);
	}

	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command, Duration limit) {
		return send(List.of(command), limit).get(0);
	}

	@Override
	public List<CompletableFuture<JsonNode>> executeAll(List<QmpCommand> commands) {
		return send(commands, this.timeout);
	}

	// libvirt carries out the commands of one domain one after another, and each is sent
	// when the one before it is answered.
	private List<CompletableFuture<JsonNode>> send(List<QmpCommand> commands, Duration limit) {
		List<CompletableFuture<JsonNode>> replies = new ArrayList<>();
		if (this.state != QmpState.READY) {
			QmpException reason = this.closed.getNow(null);
			commands.forEach((command) -> replies.add(CompletableFuture
				.failedFuture(new QmpNotSentException("The monitor takes no commands at present.", reason))));
			return replies;
		}
		CompletableFuture<?> before = commands.isEmpty() ? CompletableFuture.completedFuture(null) : whenFree();
		for (QmpCommand command : commands) {
			CompletableFuture<JsonNode> reply = new CompletableFuture<>();
			this.pending.put(reply, command);
			before = before.thenCompose((free) -> libvirt().monitor(this.domain, write(command), limit))
				.whenComplete((text, failure) -> {
					this.pending.remove(reply);
					answer(command, reply, text, failure);
				});
			replies.add(reply);
		}
		QmpException reason = this.closed.getNow(null);
		if (reason != null) {
			failPending(reason); // closed meanwhile
		}
		return replies;
	}

	private void answer(QmpCommand command, CompletableFuture<JsonNode> reply, @Nullable String text,
			@Nullable Throwable failure) {
		if (text == null) {
			QmpException reason = reason((failure != null) ? Failures.unwrap(failure) : null);
			reply.completeExceptionally(
					(reason instanceof QmpTimeoutException) ? reason : new QmpInterruptedException(command, reason));
			end((reason instanceof QmpTimeoutException)
					? new QmpClosedException(String.valueOf(reason.getMessage()), reason) : reason);
			return;
		}
		JsonNode message = parse(text);
		if (message.has("return")) {
			reply.complete(message.path("return"));
		}
		else {
			reply.completeExceptionally(new QmpCommandException(command,
					message.path("error").path("class").asString(""), message.path("error").path("desc").asString("")));
		}
	}

	private static QmpException reason(@Nullable Throwable cause) {
		String words = (cause != null) ? String.valueOf(cause.getMessage()) : "there was no answer";
		return (cause instanceof RpcTimeoutException late) ? new QmpTimeoutException(words, late.isSent())
				: (cause instanceof RpcBusyException) ? new QmpTimeoutException(words, false)
						: new QmpClosedException(words, cause);
	}

	private static String write(QmpCommand command) {
		Map<String, Object> message = new LinkedHashMap<>();
		message.put("execute", command.name());
		if (!command.arguments().isEmpty()) {
			message.put("arguments", command.arguments());
		}
		return JSON.writeValueAsString(message);
	}

	private static JsonNode parse(String text) {
		try {
			return JSON.readTree(text);
		}
		catch (JacksonException ex) {
			return JSON.missingNode();
		}
	}

	void onEvent(String name, @Nullable String data, Instant time) {
		QmpEvent event = new QmpEvent(name, (data != null) ? parse(data) : JSON.createObjectNode(), time);
		if (this.state == QmpState.READY) {
			this.listeners.accept(event);
		}
	}

	@Override
	public void addListener(Consumer<QmpEvent> listener) {
		this.listeners.add(listener);
	}

	@Override
	public int unanswered() {
		return this.pending.size();
	}

	@Override
	public boolean hasLostReply() {
		return false;
	}

	@Override
	public CompletableFuture<QmpException> closed() {
		return this.closed.copy();
	}

	void end(QmpException reason) {
		this.state = QmpState.CLOSED;
		failPending(reason);
		this.ready.completeExceptionally(reason);
		this.closed.complete(reason);
	}

	@Override
	public void close() {
		end(new QmpClosedException("the service has closed it", null));
	}

	private void failPending(QmpException reason) {
		this.pending
			.forEach((reply, command) -> reply.completeExceptionally(new QmpInterruptedException(command, reason)));
	}

}
