package dev.iothreads.machine;

/**
 * A file that could be attached as an image.
 *
 * @param file its path
 * @param realFile the same with all links resolved
 * @param size its size in bytes, 0 of a block device
 * @param format its format, as the end of its name says; {@code raw} where it says none
 */
public record ImageFile(String file, String realFile, long size, String format) {

}
