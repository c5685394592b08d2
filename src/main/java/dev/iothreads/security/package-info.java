/**
 * Authentication by password or token, the role that follows from it, and the limits for
 * browsers.
 */
@NullMarked
package dev.iothreads.security;

import org.jspecify.annotations.NullMarked;
