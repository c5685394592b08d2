package dev.iothreads.qmp;

import org.jspecify.annotations.Nullable;

/**
 * The other side said what is no QMP: no JSON, JSON nested deeper than 1000, a line
 * longer than {@link QmpOptions#maxLineBytes()}, an error that belongs to no command; or
 * this side ran out of memory reading it. The connection is closed, because where the
 * next message begins is anybody's guess. Its cause, where it has one, is the parser's
 * own error.
 */
public final class QmpProtocolException extends QmpException {

	QmpProtocolException(String message, @Nullable Throwable cause) {
		super(message, cause);
	}

}
