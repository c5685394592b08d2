/**
 * Domains of a real libvirt daemon, with {@code virsh} as the judge.
 */
@NullMarked
package dev.iothreads.libvirt;

import org.jspecify.annotations.NullMarked;
