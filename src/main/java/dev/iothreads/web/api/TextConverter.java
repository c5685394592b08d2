package dev.iothreads.web.api;

import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import org.springframework.core.ResolvableType;
import org.springframework.http.HttpInputMessage;
import org.springframework.http.HttpOutputMessage;
import org.springframework.http.MediaType;
import org.springframework.http.converter.AbstractGenericHttpMessageConverter;
import org.springframework.http.converter.HttpMessageNotReadableException;

/**
 * Writes answers for a terminal: lists as tables, advice as sentences, and the IOThreads
 * of one machine as QEMU's monitor prints them on {@code info iothreads}, with the two
 * lines on attachment that the patch on qemu-devel adds.
 */
class TextConverter extends AbstractGenericHttpMessageConverter<Object> {

	private static final MediaType TEXT = new MediaType(MediaType.TEXT_PLAIN, StandardCharsets.UTF_8);

	private final Map<Class<?>, Function<Collection<?>, String>> texts = new HashMap<>();

	TextConverter() {
		super(TEXT);
		put(MachineInfo.class, Tables::machines);
		put(IOThreadInfo.class, Tables::iothreads);
		put(DeviceInfo.class, Tables::devices);
		put(ActivityInfo.class, Tables::activity);
		put(AttachableInfo.class, Tables::attachable);
		put(HistoryInfo.class, Tables::history);
		put(AdviceInfo.class, Tables::advice);
	}

	private <T> void put(Class<T> type, Function<List<T>, String> text) {
		this.texts.put(type, (items) -> text.apply(items.stream().map(type::cast).toList()));
	}

	@Override
	public boolean canRead(@Nullable Type type, @Nullable Class<?> contextClass, @Nullable MediaType mediaType) {
		return false;
	}

	@Override
	public boolean canWrite(@Nullable Type type, Class<?> clazz, @Nullable MediaType mediaType) {
		return this.texts.containsKey(itemType(type, clazz)) && canWrite(mediaType);
	}

	private static Class<?> itemType(@Nullable Type type, Class<?> clazz) {
		Class<?> item = ResolvableType.forType(type).as(Collection.class).getGeneric().resolve();
		return (item != null) ? item : clazz;
	}

	@Override
	protected void writeInternal(Object body, @Nullable Type type, HttpOutputMessage output) throws IOException {
		Class<?> item = itemType(type, body.getClass());
		Collection<?> items = (body instanceof Collection<?> list) ? list : List.of(body);
		StringBuilder text = new StringBuilder();
		// QEMU's form does not name the machine: answers about several, which are a
		// Collection (FleetResponses), are tables.
		if (item == IOThreadInfo.class && !isOfSeveralMachines(type)) {
			items.forEach((iothread) -> print((IOThreadInfo) iothread, text));
		}
		else {
			text.append(Objects.requireNonNull(this.texts.get(item)).apply(items));
		}
		String unavailable = output.getHeaders().getFirst(FleetResponses.UNAVAILABLE);
		if (unavailable != null) {
			text.append("\nLeft out, since they do not answer: ").append(unavailable).append('\n');
		}
		output.getBody().write(text.toString().getBytes(StandardCharsets.UTF_8));
	}

	private static boolean isOfSeveralMachines(@Nullable Type type) {
		return ResolvableType.forType(type).resolve() == Collection.class;
	}

	@Override
	protected Object readInternal(Class<?> clazz, HttpInputMessage input) {
		throw new HttpMessageNotReadableException("Nothing is read as text. Send application/json.", input);
	}

	@Override
	public Object read(Type type, @Nullable Class<?> contextClass, HttpInputMessage input) {
		return readInternal(Object.class, input);
	}

	static byte[] bytes(IOThreadInfo iothread) {
		StringBuilder text = new StringBuilder();
		print(iothread, text);
		return text.toString().getBytes(StandardCharsets.UTF_8);
	}

	private static void print(IOThreadInfo iothread, StringBuilder text) {
		text.append(iothread.id()).append(":\n");
		line(text, "thread_id", iothread.threadId());
		line(text, "attached-cnt", iothread.attachedCnt());
		line(text, "attached-dev", iothread.attachedDev());
		line(text, "poll-max-ns", iothread.pollMaxNs());
		line(text, "poll-grow", iothread.pollGrow());
		line(text, "poll-shrink", iothread.pollShrink());
		line(text, "poll-weight", iothread.pollWeight());
		line(text, "aio-max-batch", iothread.aioMaxBatch());
	}

	private static void line(StringBuilder text, String name, @Nullable Object value) {
		if (value != null) {
			text.append("  ").append(name).append('=').append(value).append('\n');
		}
	}

}
