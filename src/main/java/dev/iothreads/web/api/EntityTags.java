package dev.iothreads.web.api;

import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

import dev.iothreads.machine.IOThread;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.stereotype.Component;
import org.springframework.util.DigestUtils;

/**
 * Entity tags, which are hashes of the bytes of an answer.
 */
@Component
class EntityTags {

	private static final String ANY = "*";

	private final JsonMapper json;

	EntityTags(JsonMapper json) {
		this.json = json;
	}

	/**
	 * Reads {@code If-Match} (RFC 9110).
	 * @param ifMatch the header's value, {@code null} when it was not sent
	 * @param machine the machine's name
	 * @return whether the header names the present state of an IOThread, as JSON or as
	 * text
	 */
	Predicate<IOThread> match(@Nullable String ifMatch, String machine) {
		if (ifMatch == null || ifMatch.strip().equals(ANY)) {
			return (iothread) -> true;
		}
		List<String> named = Arrays.stream(ifMatch.split(",")).map(String::strip).toList();
		return (iothread) -> {
			IOThreadInfo info = IOThreadInfo.of(machine, iothread);
			return named.contains(of(info)) || named.contains(of(TextConverter.bytes(info)));
		};
	}

	String of(IOThreadInfo iothread) {
		return of(this.json.writeValueAsBytes(iothread));
	}

	static String of(byte[] answer) {
		return "\"" + DigestUtils.md5DigestAsHex(answer) + "\"";
	}

}
