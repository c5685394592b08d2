/**
 * Finds machines by their sockets, in a directory.
 */
@NullMarked
package dev.iothreads.discovery;

import org.jspecify.annotations.NullMarked;
