/**
 * What the HTTP contract says of changes, played through the whole application: on the
 * embedded machine and on every QEMU that is found, all set up alike. Where the two
 * differ, the embedded one is wrong. What only a QEMU can do (a guest that takes its
 * time, a second monitor, a connection that is lost) has suites of its own.
 */
@NullMarked
package dev.iothreads.contract;

import org.jspecify.annotations.NullMarked;
