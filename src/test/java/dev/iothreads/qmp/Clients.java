package dev.iothreads.qmp;

import java.util.concurrent.CompletionException;

/**
 * Clients that are ready.
 */
final class Clients {

	private Clients() {
	}

	/**
	 * Connects, and waits until commands are accepted.
	 * @throws QmpConnectException if they are not
	 */
	static QmpClient connect(MonitorAddress address, QmpOptions options) {
		QmpClient client = QmpClient.open(address, options, (event) -> {
		});
		try {
			client.ready().join();
			return client;
		}
		catch (CompletionException ex) {
			if (ex.getCause() instanceof QmpException failure) {
				throw failure;
			}
			throw ex;
		}
	}

}
