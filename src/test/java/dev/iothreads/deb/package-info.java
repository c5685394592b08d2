/**
 * The files of the Debian package.
 */
@NullMarked
package dev.iothreads.deb;

import org.jspecify.annotations.NullMarked;
