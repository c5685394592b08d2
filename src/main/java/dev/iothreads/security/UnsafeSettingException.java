package dev.iothreads.security;

import java.util.List;

/**
 * The service does not start with these settings: it would be open to more clients than
 * it may be, or to none.
 */
final class UnsafeSettingException extends RuntimeException {

	UnsafeSettingException(List<String> wrong) {
		super(String.join(System.lineSeparator(), wrong));
	}

}
