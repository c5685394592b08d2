package dev.iothreads.qmp;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * The listeners of one monitor. An exception of one is logged, and the others are called
 * all the same.
 */
public final class QmpListeners implements Consumer<QmpEvent> {

	private static final Logger logger = System.getLogger(QmpListeners.class.getName());

	private final String monitor;

	private final List<Consumer<QmpEvent>> listeners = new CopyOnWriteArrayList<>();

	/**
	 * Creates it without listeners.
	 * @param monitor names the monitor in messages
	 */
	public QmpListeners(String monitor) {
		this.monitor = monitor;
	}

	/**
	 * Adds a listener.
	 * @param listener called for each event from now on; it must not block
	 */
	public void add(Consumer<QmpEvent> listener) {
		this.listeners.add(listener);
	}

	/**
	 * Calls every listener, in the order in which they were added.
	 * @param event the event
	 */
	@Override
	public void accept(QmpEvent event) {
		for (Consumer<QmpEvent> listener : this.listeners) {
			try {
				listener.accept(event);
			}
			catch (Exception ex) {
				logger.log(Level.WARNING, () -> this.monitor + ": a listener failed on " + event.name(), ex);
			}
		}
	}

}
