package dev.iothreads.web;

/**
 * Where things are.
 */
final class Paths {

	static final String API = "/api/v1";

	static final String MACHINES = API + "/machines";

	static final String MACHINE = MACHINES + "/{machine}";

	static final String ALL_IOTHREADS = API + "/iothreads";

	static final String IOTHREADS = MACHINE + "/iothreads";

	static final String DEVICES = MACHINE + "/devices";

	private Paths() {
	}

}
