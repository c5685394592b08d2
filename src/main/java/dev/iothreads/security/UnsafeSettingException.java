package dev.iothreads.security;

import java.util.List;

/**
 * The service does not start like this: it would be open to those it must not be open to,
 * or closed to all.
 */
final class UnsafeSettingException extends RuntimeException {

	UnsafeSettingException(List<String> wrong) {
		super(String.join(System.lineSeparator(), wrong));
	}

}
