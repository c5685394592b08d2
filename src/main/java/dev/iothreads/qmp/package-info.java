/**
 * A client of QMP, the QEMU Machine Protocol, and nothing else. It knows no command but
 * {@code qmp_capabilities}.
 * <p>
 * Callers use {@link dev.iothreads.qmp.QmpMonitor}, of which
 * {@link dev.iothreads.qmp.QmpClient} is the one over a socket; what can go wrong is a
 * {@link dev.iothreads.qmp.QmpException}. The protocol is described in QEMU's
 * {@code docs/interop/qmp-spec.rst}.
 */
@NullMarked
package dev.iothreads.qmp;

import org.jspecify.annotations.NullMarked;
