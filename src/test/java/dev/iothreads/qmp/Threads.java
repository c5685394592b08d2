package dev.iothreads.qmp;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadFactory;
import java.util.stream.Stream;

/**
 * A source of threads that remembers them, of the platform's kind or, where the JDK has
 * them, of the virtual.
 */
final class Threads implements ThreadFactory {

	private final String kind;

	private final ThreadFactory factory;

	private final List<Thread> made = new CopyOnWriteArrayList<>();

	private Threads(String kind, ThreadFactory factory) {
		this.kind = kind;
		this.factory = factory;
	}

	static Threads platform() {
		return new Threads("platform", QmpOptions.defaults().threadFactory());
	}

	/**
	 * One source of each kind this JDK has.
	 */
	static Stream<Threads> ofEveryKind() {
		List<Threads> kinds = new ArrayList<>(List.of(platform()));
		try {
			Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
			ThreadFactory factory = (ThreadFactory) Class.forName("java.lang.Thread$Builder")
				.getMethod("factory")
				.invoke(builder);
			kinds.add(new Threads("virtual", factory));
		}
		catch (ReflectiveOperationException ex) {
			// Before JDK 21 there is one kind.
		}
		return kinds.stream();
	}

	List<Thread> made() {
		return this.made;
	}

	void awaitEnd() {
		for (Thread thread : this.made) {
			Futures.until(thread.getName() + " ends", () -> !thread.isAlive());
		}
	}

	@Override
	public Thread newThread(Runnable work) {
		Thread thread = this.factory.newThread(work);
		this.made.add(thread);
		return thread;
	}

	@Override
	public String toString() {
		return this.kind + " threads";
	}

}
