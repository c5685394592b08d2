/**
 * Failures as problem details (RFC 9457), also those that Tomcat finds itself, and the id
 * of each request.
 */
@NullMarked
package dev.iothreads.web.problem;

import org.jspecify.annotations.NullMarked;
