/**
 * Who may do what: who somebody is, by a token or by a name and a password, what role
 * that gives, and what browsers are kept from. It knows addresses and methods, and
 * nothing of machines; how a refusal is worded on the wire is the web's affair.
 */
@NullMarked
package dev.iothreads.security;

import org.jspecify.annotations.NullMarked;
