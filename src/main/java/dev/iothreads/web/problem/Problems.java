package dev.iothreads.web.problem;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The problems that are particular to an operation, each answered with the status of its
 * kind. The OpenAPI document lists them with the operation; those that any operation can
 * answer with are described once.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface Problems {

	Problem[] value();

}
