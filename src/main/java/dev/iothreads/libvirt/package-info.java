/**
 * A source of machines: the running domains of a libvirt daemon, read by their XML or by
 * QMP through libvirt, and changed by libvirt's own calls.
 */
@NullMarked
package dev.iothreads.libvirt;

import org.jspecify.annotations.NullMarked;
