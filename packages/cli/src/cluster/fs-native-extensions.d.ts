/** The part that is used of a package that ships no types. */
declare module "fs-native-extensions" {
  /**
   * Asks for an exclusive lock on the whole file (an open-file-description lock on Linux, flock on macOS).
   * Returns false when another open file holds one. Does not wait.
   */
  export function tryLock(fd: number): boolean;
}
