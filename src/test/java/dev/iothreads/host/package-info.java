/**
 * Which threads of this host are taken for a QEMU's IOThreads, and what they have used.
 */
@NullMarked
package dev.iothreads.host;

import org.jspecify.annotations.NullMarked;
