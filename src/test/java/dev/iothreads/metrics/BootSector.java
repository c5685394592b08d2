package dev.iothreads.metrics;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The smallest guest there is: a boot sector of 33 bytes that writes to the disk it came
 * from, by BIOS, and halts. What it writes goes through a virtqueue and the IOThread of
 * its device like any guest's.
 */
public final class BootSector {

	/** What one write writes, in bytes. */
	static final int WRITE = 4096;

	private static final int SECTOR = 512;

	private static final int SIZE = 1024 * 1024;

	private static final int ORIGIN = 0x7c00;

	private BootSector() {
	}

	/**
	 * Makes the image of a disk that a QEMU can boot from.
	 * @param image the file
	 * @param writes how many times to write, up to 65535
	 * @param forever whether to begin again when that is done
	 * @return the file
	 */
	public static Path image(Path image, int writes, boolean forever) {
		ByteBuffer code = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
		put(code, 0x31, 0xc0); // xor ax, ax
		put(code, 0x8e, 0xd8); // mov ds, ax
		int begin = code.position();
		put(code, 0xb9).putShort((short) writes); // mov cx, writes
		int again = code.position();
		put(code, 0x51, 0xbe); // push cx; mov si, packet
		int packet = code.position();
		code.putShort((short) 0);
		put(code, 0xb4, 0x43, 0x30, 0xc0); // mov ah, 0x43; xor al, al
		put(code, 0xcd, 0x13, 0x59); // int 0x13 (extended write); pop cx
		put(code, 0xe2, again - (code.position() + 2)); // loop again
		if (forever) {
			put(code, 0xeb, begin - (code.position() + 2)); // jmp begin
		}
		put(code, 0xf4, 0xeb, -3); // hlt; jmp to the hlt
		code.putShort(packet, (short) (ORIGIN + code.position()));
		put(code, 16, 0).putShort((short) (WRITE / SECTOR)); // its length; the sectors
		code.putShort((short) ORIGIN).putShort((short) 0); // the data
		code.putLong(8); // where to write
		code.putShort(SECTOR - 2, (short) 0xaa55);
		try {
			return Files.write(image, code.array());
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Gives the arguments with which a QEMU boots from it.
	 * @param image the file
	 * @return arguments for a disk {@code blk0} on {@code iothread0}
	 */
	public static String[] args(Path image) {
		return new String[] { "-object", "iothread,id=iothread0", "-blockdev", "file,node-name=boot,filename=" + image,
				"-device", "virtio-blk-pci,id=blk0,drive=boot,iothread=iothread0,bootindex=0" };
	}

	private static ByteBuffer put(ByteBuffer code, int... bytes) {
		Arrays.stream(bytes).forEach((value) -> code.put((byte) value));
		return code;
	}

}
