/* fault_check.c: fault_check FOLDER: a data folder that nobody uses, looked at (fault_tar.h). */
#include "fault_tar.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    char why[256] = "";

    if (argc != 2 || fault_tar_check(argv[1], NULL, why, sizeof why) != 0) {
        (void)printf("%s\n", why);
        return 1;
    }
    return 0;
}
