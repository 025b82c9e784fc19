/* A program that uses the installed C library: its version is that of the header. */
#include <stdio.h>
#include <string.h>
#include <waypost.h>

int main(void) {
  const char* version = waypost_version();
  if (version == NULL || strlen(version) == 0) return 1;
  printf("waypost %s on %s\n", version, waypost_simd());
  return 0;
}
