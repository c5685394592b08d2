package dev.iothreads.security;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.AuthorityUtils;

/**
 * What somebody may do.
 */
public enum Role {

	/** May read. */
	VIEWER,

	/** May read and change. */
	OPERATOR;

	/**
	 * Lists what the role allows, which is what the lesser ones do, too.
	 */
	List<GrantedAuthority> authorities() {
		return AuthorityUtils.createAuthorityList(Arrays.stream(values())
			.filter((role) -> role.compareTo(this) <= 0)
			.map((role) -> "ROLE_" + role.name())
			.toList());
	}

	String wireName() {
		return name().toLowerCase(Locale.ROOT);
	}

}
