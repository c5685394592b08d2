package dev.iothreads.web;

import java.net.URI;

import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

/**
 * Where things are.
 */
final class Paths {

	static final String API = "/api/v1";

	static final String MACHINES = API + "/machines";

	static final String MACHINE = MACHINES + "/{machine}";

	static final String ALL_IOTHREADS = API + "/iothreads";

	static final String ALL_DEVICES = API + "/devices";

	static final String ACTIVITY = API + "/activity";

	static final String EVENTS = API + "/events";

	static final String IOTHREADS = MACHINE + "/iothreads";

	static final String DEVICES = MACHINE + "/devices";

	static final String ATTACHABLE = MACHINE + "/attachable";

	private Paths() {
	}

	/**
	 * Fills in a path. Without a host it is right behind every proxy.
	 * @param path the path with its variables
	 * @param values what to put in their place, encoded once
	 * @return where that is on this server
	 */
	static URI to(String path, String... values) {
		return ServletUriComponentsBuilder.fromCurrentContextPath()
			.scheme(null)
			.host(null)
			.port(null)
			.path(path)
			.encode()
			.buildAndExpand((Object[]) values)
			.toUri();
	}

}
