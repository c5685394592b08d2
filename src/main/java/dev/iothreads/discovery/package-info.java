/**
 * Finds machines whose addresses are found, in a directory of sockets.
 */
@NullMarked
package dev.iothreads.discovery;

import org.jspecify.annotations.NullMarked;
