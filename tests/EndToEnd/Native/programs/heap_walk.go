// A buffer from Go: raw system calls from many threads, while the runtime preempts them with signals. Prints what it saw.
package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

const (
	alloc      = 0xc0184800 // DMA_HEAP_IOCTL_ALLOC
	length     = 65536
	goroutines = 16
	rounds     = 20
)

type allocation struct {
	length    uint64
	fd, flags uint32
	heapFlags uint64
}

func allocate() (int, error) {
	heap, err := os.OpenFile("/dev/dma_heap/system", os.O_RDWR, 0)
	if err != nil {
		return -1, err
	}
	defer heap.Close()
	data := allocation{length: length, flags: syscall.O_RDWR | syscall.O_CLOEXEC}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, heap.Fd(), alloc, uintptr(unsafe.Pointer(&data))); errno != 0 {
		return -1, errno
	}
	return int(data.fd), nil
}

func walk(mark byte) error {
	fd, err := allocate()
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	bytes, err := syscall.Mmap(fd, 0, length, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	defer syscall.Munmap(bytes)
	for i := range bytes {
		if bytes[i] != 0 {
			return fmt.Errorf("byte %d is not zero", i)
		}
		bytes[i] = mark
	}
	return nil
}

func main() {
	var wait sync.WaitGroup
	var mutex sync.Mutex
	failed := 0
	for g := 0; g < goroutines; g++ {
		wait.Add(1)
		go func(mark byte) {
			defer wait.Done()
			for i := 0; i < rounds; i++ {
				if err := walk(mark); err != nil {
					mutex.Lock()
					failed++
					fmt.Fprintln(os.Stderr, err)
					mutex.Unlock()
				}
			}
		}(byte(g + 1))
	}
	wait.Wait()
	fmt.Printf("walks %d failed %d\n", goroutines*rounds, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
