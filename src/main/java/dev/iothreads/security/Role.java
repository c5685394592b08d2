package dev.iothreads.security;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.AuthorityUtils;

/**
 * What a client may do.
 */
public enum Role {

	/** May read. */
	VIEWER,

	/** May read and change. */
	OPERATOR;

	/**
	 * Returns the authorities of this role and of the lesser ones.
	 */
	List<GrantedAuthority> authorities() {
		return AuthorityUtils.createAuthorityList(Arrays.stream(values())
			.filter((role) -> role.compareTo(this) <= 0)
			.map((role) -> "ROLE_" + role.name())
			.toList());
	}

	static boolean isName(String name) {
		return Arrays.stream(values()).anyMatch((role) -> role.name().equals(name));
	}

	String wireName() {
		return name().toLowerCase(Locale.ROOT);
	}

}
