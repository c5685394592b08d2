package dev.iothreads.libvirt.rpc;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

/**
 * Which calls may be sent now. libvirt ceases to read a connection of which five calls
 * are unanswered (source: {@code max_client_requests}), and each call that waits for a
 * QEMU holds one of its twenty workers: so there are {@value #MOST} at a time, one for a
 * domain, and none for a domain whose last answer is overdue.
 */
final class CallWindow {

	static final int MOST = 4;

	static final int MOST_WAITING = 4096;

	private final Set<Pending> waiting = new LinkedHashSet<>();

	private final Map<Integer, Pending> sent = new HashMap<>();

	private final Set<UUID> busy = new HashSet<>();

	private final Set<UUID> overdue = new HashSet<>();

	private int serials;

	/**
	 * Takes a call.
	 * @return why it must not be sent at all, or {@code null}
	 */
	synchronized @Nullable RpcBusyException add(Pending pending) {
		UUID domain = pending.call().domain();
		if (domain != null && this.overdue.contains(domain)) {
			return new RpcBusyException("the domain has not answered an earlier call yet", false);
		}
		if (this.overdue.size() >= MOST) {
			return new RpcBusyException("%d other domains have not answered yet".formatted(MOST), true);
		}
		if (this.waiting.size() >= MOST_WAITING) {
			return new RpcBusyException("%d calls wait for libvirt already".formatted(MOST_WAITING), true);
		}
		this.waiting.add(pending);
		return null;
	}

	/**
	 * Takes those that may be sent now, each with its serial.
	 */
	synchronized List<Pending> next() {
		List<Pending> next = new ArrayList<>();
		Iterator<Pending> candidates = this.waiting.iterator();
		while (this.sent.size() < MOST && candidates.hasNext()) {
			Pending pending = candidates.next();
			UUID domain = pending.call().domain();
			if (domain == null || this.busy.add(domain)) {
				candidates.remove();
				pending.serial = ++this.serials;
				this.sent.put(pending.serial, pending);
				next.add(pending);
			}
		}
		return next;
	}

	synchronized @Nullable Pending answered(int serial) {
		Pending pending = this.sent.remove(serial);
		if (pending != null && pending.call().domain() != null) {
			this.busy.remove(pending.call().domain());
			this.overdue.remove(pending.call().domain());
		}
		return pending;
	}

	/**
	 * Takes notice that a call is given up. One that was sent keeps its place until it is
	 * answered.
	 * @return whether it was sent
	 */
	synchronized boolean giveUp(Pending pending) {
		boolean isSent = !this.waiting.remove(pending);
		UUID domain = pending.call().domain();
		if (isSent && domain != null && this.sent.containsKey(pending.serial)) {
			this.overdue.add(domain);
		}
		return isSent;
	}

	/**
	 * Takes all calls, and sends no further one. Those that were sent keep their places
	 * until they are answered.
	 */
	synchronized List<Pending> drain() {
		List<Pending> all = new ArrayList<>(this.sent.values());
		all.addAll(this.waiting);
		this.waiting.clear();
		return all;
	}

	/**
	 * Returns whether each call that was sent is answered.
	 */
	synchronized boolean isAnswered() {
		return this.sent.isEmpty();
	}

	/**
	 * A call whose answer is to come.
	 */
	static final class Pending {

		private final RpcCall call;

		private final CompletableFuture<XdrReader> answer = new CompletableFuture<>();

		private int serial;

		Pending(RpcCall call) {
			this.call = call;
		}

		RpcCall call() {
			return this.call;
		}

		CompletableFuture<XdrReader> answer() {
			return this.answer;
		}

		RpcFrame frame() {
			return new RpcFrame(this.call.procedure().program(), this.call.procedure().number(), RpcFrame.CALL,
					this.serial, RpcFrame.OK, ByteBuffer.wrap(this.call.arguments()));
		}

	}

}
