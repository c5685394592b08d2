/**
 * Finds machines in a directory of sockets.
 */
@NullMarked
package dev.iothreads.discovery;

import org.jspecify.annotations.NullMarked;
