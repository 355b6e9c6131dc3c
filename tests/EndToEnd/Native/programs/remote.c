/* mmap of a udmabuf of several ranges is made in the program's own thread; another thread takes the instruction away, or changes it, at some
 * moment. However it goes, the call returns or the program dies: a child each. */
#define _GNU_SOURCE
#include "walk.h"
#include <linux/udmabuf.h>
#include <pthread.h>
#include <sys/wait.h>

enum { PAGE = 4096, CALL_AT = 23, LATEST = 2000, STEP = 200 };

static unsigned char *code;
static volatile int go;
static int change, delay;

static void *changer(void *none)
{
    while (!go)
        ;
    usleep((unsigned)delay);
    switch (change) {
    case 0: mprotect(code, PAGE, PROT_NONE); break;
    case 1: munmap(code, PAGE); break;
    case 2: memcpy(code + CALL_AT, "\x0f\x0b", 2); break; /* ud2 */
    default: memcpy(code + CALL_AT, "\xeb\xfe", 2); break; /* jmp to itself */
    }
    return none;
}

static void *caller(void *fd)
{
    long (*call)(long, long, long, long, long, long, long) = (long (*)(long, long, long, long, long, long, long))(uintptr_t)code;
    go = 1;
    call(9, 0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, *(int *)fd, 0);
    _exit(0);
    return 0;
}

static void run(void)
{
    /* rax = rdi; rdi = rsi; rsi = rdx; rdx = rcx; r10 = r8; r8 = r9; r9 = [rsp + 8]; syscall; ret */
    static const unsigned char instructions[] = { 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89,
        0xc2, 0x4d, 0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3 };
    code = mmap(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, instructions, sizeof instructions);
    int memory = memfd_create("ranges", MFD_ALLOW_SEALING), device = open("/dev/udmabuf", O_RDWR);
    if (ftruncate(memory, 65536) != 0 || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
        die("memfd");
    struct { uint32_t flags, count; struct udmabuf_create_item item[2]; } list
        = { 0, 2, { { (uint32_t)memory, 0, 0, 8192 }, { (uint32_t)memory, 0, 16384, 8192 } } };
    int buffer = ioctl(device, UDMABUF_CREATE_LIST, &list);
    if (buffer < 0)
        die("UDMABUF_CREATE_LIST");
    pthread_t a, b;
    pthread_create(&a, 0, changer, 0);
    pthread_create(&b, 0, caller, &buffer);
    pthread_join(b, 0);
}

int main(void)
{
    int ended = 0, all = 0;
    for (change = 0; change < 4; change++)
        for (delay = 0; delay <= LATEST; delay += STEP) {
            pid_t child = fork();
            if (child == 0) {
                alarm(change == 3 ? 3 : 0); /* the program's own loop, where the call had returned before */
                run();
            }
            int status;
            ended += waitpid(child, &status, 0) == child;
            all++;
        }
    printf("ended %d of %d\n", ended, all);
    return 0;
}
