package dev.iothreads.web.api;

import java.util.List;

import org.springframework.http.MediaType;
import org.springframework.web.HttpMediaTypeNotAcceptableException;
import org.springframework.web.accept.HeaderContentNegotiationStrategy;
import org.springframework.web.context.request.NativeWebRequest;

/**
 * Reads {@code Accept} without the {@code charset} of JSON, which is always UTF-8
 * (source: RFC 8259, section 11).
 */
final class CharsetFreeJson extends HeaderContentNegotiationStrategy {

	@Override
	public List<MediaType> resolveMediaTypes(NativeWebRequest request) throws HttpMediaTypeNotAcceptableException {
		return super.resolveMediaTypes(request).stream().map(CharsetFreeJson::plain).toList();
	}

	private static MediaType plain(MediaType type) {
		if (type.getCharset() == null || !(type.getSubtype().equals("json") || type.getSubtype().endsWith("+json"))) {
			return type;
		}
		MediaType plain = new MediaType(type.getType(), type.getSubtype());
		return plain.copyQualityValue(type);
	}

}
