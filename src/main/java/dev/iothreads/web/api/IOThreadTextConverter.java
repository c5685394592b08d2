package dev.iothreads.web.api;

import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.List;

import org.jspecify.annotations.Nullable;

import org.springframework.core.ResolvableType;
import org.springframework.http.HttpInputMessage;
import org.springframework.http.HttpOutputMessage;
import org.springframework.http.MediaType;
import org.springframework.http.converter.AbstractGenericHttpMessageConverter;
import org.springframework.http.converter.HttpMessageNotReadableException;

/**
 * Writes IOThreads as QEMU's monitor prints them on {@code info iothreads}, with the two
 * lines on attachment that the patch on qemu-devel adds.
 */
class IOThreadTextConverter extends AbstractGenericHttpMessageConverter<Object> {

	private static final MediaType TEXT = new MediaType(MediaType.TEXT_PLAIN, StandardCharsets.UTF_8);

	IOThreadTextConverter() {
		super(TEXT);
	}

	@Override
	public boolean canRead(@Nullable Type type, @Nullable Class<?> contextClass, @Nullable MediaType mediaType) {
		return false;
	}

	@Override
	public boolean canWrite(@Nullable Type type, Class<?> clazz, @Nullable MediaType mediaType) {
		ResolvableType written = ResolvableType.forType(type);
		boolean iothreads = IOThreadInfo.class.isAssignableFrom(clazz)
				|| written.as(List.class).getGeneric().resolve() == IOThreadInfo.class;
		return iothreads && canWrite(mediaType);
	}

	@Override
	protected void writeInternal(Object body, @Nullable Type type, HttpOutputMessage output) throws IOException {
		StringBuilder text = new StringBuilder();
		for (Object iothread : (body instanceof List<?> list) ? list : List.of(body)) {
			print((IOThreadInfo) iothread, text);
		}
		output.getBody().write(text.toString().getBytes(StandardCharsets.UTF_8));
	}

	@Override
	protected Object readInternal(Class<?> clazz, HttpInputMessage input) {
		throw new HttpMessageNotReadableException("IOThreads are not read as text. Send application/json.", input);
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
