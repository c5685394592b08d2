package dev.iothreads.web.api;

import java.net.URI;

import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

/**
 * The paths of the API.
 */
public final class Paths {

	public static final String API = "/api/v1";

	public static final String MACHINES = API + "/machines";

	public static final String MACHINE = MACHINES + "/{machine}";

	public static final String ALL_IOTHREADS = API + "/iothreads";

	public static final String ALL_DEVICES = API + "/devices";

	public static final String SERVICE = API + "/service";

	public static final String ACTIVITY = API + "/activity";

	public static final String EVENTS = API + "/events";

	public static final String IOTHREADS = MACHINE + "/iothreads";

	public static final String DEVICES = MACHINE + "/devices";

	public static final String HISTORY = MACHINE + "/history";

	public static final String ADVICE = MACHINE + "/advice";

	public static final String ATTACHABLE = MACHINE + "/attachable";

	private Paths() {
	}

	// Without a host the path is right behind every proxy. The values are encoded once.
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
