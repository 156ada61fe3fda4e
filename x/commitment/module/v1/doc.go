// Package modulev1 has the configuration of x/commitment in an application that depinject
// puts together.
package modulev1
