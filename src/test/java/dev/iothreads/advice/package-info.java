/**
 * Tests of what operators are advised.
 */
@NullMarked
package dev.iothreads.advice;

import org.jspecify.annotations.NullMarked;
