package dev.iothreads.web.problem;

/**
 * There is no room for one more reader of the stream of changes.
 */
public final class TooManyReadersException extends RuntimeException {

	public TooManyReadersException(int readers) {
		super("%d readers are here already, and there is room for no more. Close the streams that are no longer read, and try again in 15 seconds: by then it is noticed."
			.formatted(readers));
	}

}
