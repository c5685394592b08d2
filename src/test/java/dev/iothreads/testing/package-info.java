/**
 * What tests of every room share: the QEMU binaries of this machine, processes of them,
 * and a monitor client of its own, so that a fault of the product's does not hide behind
 * itself. Nothing here names the product.
 */
@NullMarked
package dev.iothreads.testing;

import org.jspecify.annotations.NullMarked;
