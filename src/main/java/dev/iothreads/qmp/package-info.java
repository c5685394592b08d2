/**
 * A client of QMP, the QEMU Machine Protocol, and nothing else: addresses, the greeting,
 * commands with ids and deadlines, events, and the state of one connection. It has heard
 * of no command but {@code qmp_capabilities}.
 * <p>
 * Start with {@link dev.iothreads.qmp.QmpClient}; what can go wrong is the family of
 * {@link dev.iothreads.qmp.QmpException}, a class for each phase of a connection's life.
 * The protocol is described in QEMU's {@code docs/interop/qmp-spec.rst}.
 */
@NullMarked
package dev.iothreads.qmp;

import org.jspecify.annotations.NullMarked;
