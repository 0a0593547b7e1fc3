/** Files on this machine, and simulated ones. */
export { createFileSystems, type FileSystems } from './file-systems.ts'
export { type LocalFileSystemParts, localFileSystem } from './local-file-system.ts'
export { type MemoryFileSystemParts, memoryFileSystem } from './memory-file-system.ts'
export { MemoryStorage, type MemoryStorageParts } from './memory-storage.ts'
export { type StorageCall, StorageFaults, type StorageOperation } from './storage-faults.ts'
