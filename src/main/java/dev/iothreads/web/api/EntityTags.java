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
 * Makes the entity tag of an answer from its bytes, so that the same tag means the same
 * answer, and tells from a tag whether an IOThread is still as it was.
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
	 * @return whether an IOThread is one of those that the header names
	 */
	Predicate<IOThread> match(@Nullable String ifMatch, String machine) {
		if (ifMatch == null || ifMatch.strip().equals(ANY)) {
			return (iothread) -> true;
		}
		List<String> named = Arrays.stream(ifMatch.split(",")).map(String::strip).toList();
		return (iothread) -> {
			IOThreadInfo info = IOThreadInfo.of(machine, iothread);
			return named.contains(of(info)) || named.contains(of(IOThreadTextConverter.bytes(info)));
		};
	}

	/**
	 * Makes the entity tag that an IOThread has when it is read.
	 * @param iothread the IOThread on the wire
	 * @return the tag, in its quotes
	 */
	String of(IOThreadInfo iothread) {
		return of(this.json.writeValueAsBytes(iothread));
	}

	/**
	 * Makes the entity tag of an answer.
	 * @param answer the bytes of the answer
	 * @return the tag, in its quotes
	 */
	static String of(byte[] answer) {
		return "\"" + DigestUtils.md5DigestAsHex(answer) + "\"";
	}

}
