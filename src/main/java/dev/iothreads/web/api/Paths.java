package dev.iothreads.web.api;

import java.net.URI;

import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

/**
 * Where things are.
 */
public final class Paths {

	public static final String API = "/api/v1";

	public static final String MACHINES = API + "/machines";

	public static final String MACHINE = MACHINES + "/{machine}";

	public static final String ALL_IOTHREADS = API + "/iothreads";

	public static final String ALL_DEVICES = API + "/devices";

	public static final String ACTIVITY = API + "/activity";

	public static final String EVENTS = API + "/events";

	public static final String IOTHREADS = MACHINE + "/iothreads";

	public static final String DEVICES = MACHINE + "/devices";

	public static final String ATTACHABLE = MACHINE + "/attachable";

	private Paths() {
	}

	/**
	 * Fills in a path. Without a host it is right behind every proxy.
	 * @param path the path with its variables
	 * @param values what to put in their place, encoded once
	 * @return where that is on this server
	 */
	public static URI to(String path, String... values) {
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
