package dev.iothreads.web;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A request without its address.
 *
 * @param method the method
 * @param body the body, empty for none
 * @param headers further headers
 */
record Request(String method, String body, String... headers) {

	/** A body that does not come to its end. */
	private static final String CUT = "{\"id\": ";

	/** A request in another version of HTTP. */
	private static final String OTHER = "HTTP/9.9";

	/**
	 * A token that would have to be checked.
	 */
	private static final String TOKEN = "%s.%s.%s".formatted(base64("{\"alg\":\"RS256\",\"kid\":\"1\"}"),
			base64("{\"sub\":\"me\"}"), base64("signature"));

	private static final Map<String, Request> BY_PROBLEM = Map.ofEntries(
			Map.entry("unauthorized", new Request("DELETE", "", "Authorization: Basic " + base64("viewer:nonsense"))),
			Map.entry("forbidden", new Request("DELETE", "", "Authorization: Basic " + base64("viewer:viewing"))),
			Map.entry("cross-site", new Request("DELETE", "", "Sec-Fetch-Site: cross-site")),
			Map.entry("misdirected", new Request("GET", "", "Host: attacker.example")),
			Map.entry("credentials-unchecked", new Request("GET", "", "Authorization: Bearer " + TOKEN)),
			Map.entry("invalid-request-408", Request.json("POST", CUT)),
			Map.entry("invalid-request-417", new Request("GET", "", "Expect: the-unexpected")),
			Map.entry("invalid-request-501", new Request("GET", "", "Transfer-Encoding: nope")),
			Map.entry("invalid-request-505", new Request("GET", OTHER)),
			Map.entry("request-too-large", Request.json("POST", " ".repeat(80_000))),
			Map.entry("not-acceptable", new Request("GET", "", "Accept: image/png")),
			Map.entry("unsupported-media-type", new Request("POST", "pool0", "Content-Type: text/plain")),
			Map.entry("invalid-request", Request.json("POST", "{\"id\": \"0pool\", \"poll-max-ns\": -1}")),
			Map.entry("not-supported", Request.json("PATCH", "{\"poll-weight\": 3}")),
			Map.entry("read-only", new Request("DELETE", "")),
			Map.entry("managed-by-libvirt", new Request("DELETE", "")),
			Map.entry("managed-by-proxmox", new Request("DELETE", "")),
			Map.entry("too-many-changes", Request.json("PATCH", "{\"poll-max-ns\": 0}")),
			Map.entry("iothread-exists", Request.json("POST", "{\"id\": \"iothread0\"}")),
			Map.entry("iothread-in-use", new Request("DELETE", "")),
			Map.entry("precondition-failed", new Request("DELETE", "", "If-Match: \"another\"")),
			Map.entry("device-exists", Request.json("POST", "{\"id\": \"blk0\", \"drive\": \"disk7\"}")),
			Map.entry("device-detaching", Request.json("POST", "{\"id\": \"blk0\", \"drive\": \"disk7\"}")),
			Map.entry("node-in-use", Request.json("POST", "{\"id\": \"blk7\", \"drive\": \"disk0\"}")),
			Map.entry("machine-migrating", new Request("DELETE", "")),
			Map.entry("device-gone", Request.json("POST", "{\"id\": \"hot0\", \"drive\": \"disk7\"}")),
			Map.entry("no-free-port", Request.json("POST", "{\"id\": \"hot0\", \"drive\": \"disk7\"}")),
			Map.entry("unplug-refused", new Request("DELETE", "")));

	/**
	 * The request that gives a problem. Its address is the problem's own.
	 * @param problem the name of the problem's example
	 * @return the request
	 */
	static Request thatGives(String problem) {
		return BY_PROBLEM.getOrDefault(problem, new Request("GET", ""));
	}

	private static Request json(String method, String body) {
		return new Request(method, body, "Content-Type: application/json");
	}

	Request with(String header) {
		return new Request(this.method, this.body,
				Stream.concat(Stream.of(this.headers), Stream.of(header)).toArray(String[]::new));
	}

	Wire.Answer sendTo(Wire wire, String target) throws IOException {
		String head = "%s %s HTTP/%s\r\nHost: localhost\r\nConnection: close\r\n%s\r\n".formatted(this.method, target,
				this.body.equals(OTHER) ? "9.9" : "1.1", String.join("\r\n", this.headers));
		if (this.body.equals(OTHER)) {
			return wire.raw(head + "\r\n");
		}
		if (this.body.equals(CUT)) {
			return wire.raw(head + "Content-Length: 20\r\n\r\n" + CUT);
		}
		return wire.send(this.method, target, this.body, this.headers);
	}

	private static String base64(String text) {
		return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
	}

}
