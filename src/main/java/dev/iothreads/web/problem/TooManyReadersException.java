package dev.iothreads.web.problem;

/**
 * As many clients as may read the stream of changes at once do so.
 */
public final class TooManyReadersException extends RuntimeException {

	public TooManyReadersException(int readers) {
		super("%d clients read events already, and no more may. Close streams that are not needed, and try again in 15 seconds."
			.formatted(readers));
	}

}
