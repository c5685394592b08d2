package dev.iothreads.libvirt.rpc;

/**
 * libvirt answered with an error. Decide by {@link #code()} only.
 */
public final class LibvirtErrorException extends RpcException {

	private final int code;

	LibvirtErrorException(int code, String message) {
		super(message, null);
		this.code = code;
	}

	static LibvirtErrorException read(XdrReader body) {
		int code = body.number();
		body.number();
		String message = body.optionalString();
		return new LibvirtErrorException(code, (message != null) ? message : "error " + code);
	}

	/**
	 * What kind of error it is.
	 * @return libvirt's {@code virErrorNumber}
	 */
	public int code() {
		return this.code;
	}

}
